"""Steps of an audit."""
