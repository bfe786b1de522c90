"""What tools have done outside: on record, looked for, decided on."""
