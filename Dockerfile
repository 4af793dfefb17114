# The dashboard in a container:
#   docker build -t action-recognition .
#   docker run --rm -p 127.0.0.1:8501:8501 action-recognition
# With --build-arg EXTRA=serve it holds the service instead; compose.yaml has both.

FROM python:3.11-slim-bookworm AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
ARG EXTRA=app
ENV PYTHONUNBUFFERED=1 \
    PORT=8501
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheels /tmp/wheels
RUN python -m pip install --no-cache-dir --disable-pip-version-check -c /tmp/constraints.txt \
    "$(echo /tmp/wheels/*.whl)[$EXTRA]"
RUN useradd --create-home --uid 10001 recognizer
USER 10001
WORKDIR /home/recognizer
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, socket; socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 4)"]
ENTRYPOINT ["action-recognition"]
CMD ["app", "--no-browser", "--address=0.0.0.0"]
