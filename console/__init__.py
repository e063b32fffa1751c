"""The wall screen: shows devices, rounds and replays in a browser; reads Redis and Kafka and writes nothing unless told to."""
