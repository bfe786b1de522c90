"""What several runtimes know about one provider or protocol: errors, clients, polling."""
