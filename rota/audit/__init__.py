"""The record of a run as others can check it: chain, tree, seal, bundle, and what checks them."""
