"""The attack step of an audit."""
