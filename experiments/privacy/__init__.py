"""What an update gives away, and what protecting it costs."""
