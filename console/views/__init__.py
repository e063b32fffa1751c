"""What each page shows, made of what the sources hold."""
