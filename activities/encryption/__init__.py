"""Encryption of what leaves a process: payloads for Temporal, blobs for the object store."""
