"""Reads frames from video files and cameras, and writes frames to video files."""

from action_recognition.video.decoder import FILE_EXTENSIONS, Video, VideoInfo, has_video_name

__all__ = ["FILE_EXTENSIONS", "Video", "VideoInfo", "has_video_name"]
