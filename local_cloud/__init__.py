"""All of Breakwater on one machine: embedded Postgres, an AWS emulator, the template AWS gets, and the engine."""
