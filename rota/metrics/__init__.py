"""The closed list of metrics, and the sums behind them."""
