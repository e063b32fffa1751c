"""MLLP: how HL7 v2 messages travel over TCP, with every wait and every size bounded."""
