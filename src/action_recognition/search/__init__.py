"""Finds the moments that show an action in many videos, and keeps what it found."""

from action_recognition.search.index import Index, index_file
from action_recognition.search.places import Place, find_places
from action_recognition.search.search import Search

__all__ = ["Index", "Place", "Search", "find_places", "index_file"]
