"""The studio: a local page on which a picture is painted on and attacked, and prediction and maps follow."""
