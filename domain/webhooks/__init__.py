"""Rules of deliveries to agents' own endpoints: when to send again, when to give up, how it is signed."""
