"""What Redis answers, known in one place: its errors, whether it works, and which server it is."""
