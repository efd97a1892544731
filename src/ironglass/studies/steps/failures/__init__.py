"""The failure step of an audit."""
