"""Values every context shares: errors, money, clocks' windows."""
