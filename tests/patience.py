"""How long a test waits for what must not hang."""

PATIENCE = 1200        # seconds: no test may depend on the machine's speed, and emulated ones are slow
