"""Forms of model names, one class a form: `matches`, `native_size`, `build`."""
