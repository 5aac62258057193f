"""Every message that the platform sends away in the local run, in one place; nothing of it leaves this machine."""
