"""The local AWS emulator: ministack with our corrections. Runs in its own environment, `.venv-emulator`."""
