"""The transfer study: transfer learning as a defence."""
