"""What a federation can learn, each as a network with its examples and loss."""
