"""The comparison study: several training methods for one model."""
