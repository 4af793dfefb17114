"""A model in forms that other programs use: ONNX, OpenVINO, Keras, PyTorch."""
