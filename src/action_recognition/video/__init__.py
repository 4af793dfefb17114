"""Video files and cameras in, frames out; pictures in, video files out."""

from action_recognition.video.decoder import Video
from action_recognition.video.info import FILE_EXTENSIONS, VideoInfo, has_video_name

__all__ = ["FILE_EXTENSIONS", "Video", "VideoInfo", "has_video_name"]
