FROM python:3.13-slim
COPY . /src
RUN pip install --no-cache-dir /src && rm -r /src
ENV JAX_COMPILATION_CACHE_DIR=/data/.compiled \
    JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 \
    JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
WORKDIR /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["qdl"]
CMD ["--help"]
