"""Recognises the actions in any number of videos, on one machine or many, with Ray Data."""
