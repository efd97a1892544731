"""Plans: what is asked of each study, as frozen, validated data."""
