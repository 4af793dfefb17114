# The dashboard in a container, with its models: `docker compose up`, then http://localhost:8501.
# What this gives and what it does not: docs/how-to/container.md.

FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
# "serve" makes an image of the service for other programs instead.
ARG EXTRA=app
RUN python -m venv /opt/action-recognition \
    && /opt/action-recognition/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check \
        -c constraints.txt ".[$EXTRA]"

FROM python:3.11-slim-bookworm
COPY --from=build /opt/action-recognition /opt/action-recognition
# /tmp is the only folder that is written to, and may be in memory.
ENV PATH=/opt/action-recognition/bin:$PATH \
    HOME=/tmp \
    PORT=8501 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin recognizer
USER 10001
WORKDIR /tmp
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, socket; socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 4)"]
ENTRYPOINT ["action-recognition"]
CMD ["app", "--no-browser", "--address", "0.0.0.0"]
