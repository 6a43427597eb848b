# syntax=docker/dockerfile:1
# One image for every part of Souk: `souk migrate`, `souk api`, `souk worker`. What it does is the command.

FROM python:3.13.15-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/souk
WORKDIR /src
# Dependencies first: they change less often than the code. The lock holds the embedded Postgres and Temporal
# too; they lie idle here.
COPY requirements.lock ./
RUN /opt/souk/bin/pip install --require-hashes -r requirements.lock
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
RUN /opt/souk/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13.15-slim-bookworm
ENV PATH=/opt/souk/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --user-group --create-home souk
COPY --from=build /opt/souk /opt/souk
USER souk
WORKDIR /home/souk
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["souk"]
CMD ["--help"]
