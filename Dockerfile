# One image for every part of Souk: `souk migrate`, `souk api`, `souk worker`. What it does is the command.
# `make pin-images` writes the image's digest behind its tag, here and in docker-compose.yml.
ARG PYTHON_IMAGE=python:3.13.15-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# /opt/build makes the wheel and installs; /opt/souk is what the image keeps, without pip.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/souk
WORKDIR /src
# Dependencies first: they change less often than the code. Of the embedded Postgres only its programs are used here,
# by `souk backup`; the embedded Temporal lies idle.
COPY requirements-build.lock requirements-runtime.lock ./
RUN /opt/build/bin/pip install --require-hashes -r requirements-build.lock
RUN /opt/build/bin/pip --python /opt/souk/bin/python install --require-hashes -r requirements-runtime.lock
COPY pyproject.toml README.md ./
COPY domain domain
COPY db db
COPY activities activities
COPY workflows workflows
COPY config config
COPY api api
COPY web web
COPY worker worker
COPY souk souk
COPY souk_client souk_client
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /opt/build/dist . \
    && /opt/build/bin/pip --python /opt/souk/bin/python install --no-deps --no-index /opt/build/dist/*.whl

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/souk/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A volume mounted at /backups belongs to souk, as this folder does.
RUN useradd --system --uid 10001 --user-group --create-home souk && install -d -o souk -g souk -m 700 /backups
COPY --from=build /opt/souk /opt/souk
USER souk
WORKDIR /home/souk
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["souk"]
CMD ["--help"]
