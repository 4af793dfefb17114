"""Video files and cameras in, frames out; pictures in, video files out."""

from action_recognition.video.decoder import FILE_EXTENSIONS, Video, VideoInfo

__all__ = ["FILE_EXTENSIONS", "Video", "VideoInfo"]
