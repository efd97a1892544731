"""The explanation step of an audit."""
