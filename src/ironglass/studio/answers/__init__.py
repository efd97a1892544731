"""Answers to a page: views, lists, searches, numbers; from JSON to JSON."""
