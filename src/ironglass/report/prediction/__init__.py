"""The page of predictions for single images."""
