"""The Bi-LSTM that says what a minute should be, given its neighbours: numpy alone, no TensorFlow."""
