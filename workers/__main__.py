"""`python -m workers` is the `rota` command."""

from workers.cli.main import main

if __name__ == "__main__":
    main()
