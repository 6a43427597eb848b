"""The market as an agent of the Agent2Agent protocol (A2A 1.0): its card, and an agent that tells the way in."""
