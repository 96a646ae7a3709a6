# One image for all roles: `souk` serves the whole shop, `souk serve --only product` one module.
#   docker build --build-arg COMMIT="$(git rev-parse HEAD)" -t souk .
#   docker build --build-arg FEATURES=product -t souk-product .      # a lean one
#   docker build --build-arg PROFILE=release -t souk .               # quicker to build, and larger
# Podman needs --format docker, or it drops the health check.
FROM docker.io/library/rust:1-bookworm AS build
# lists the crates of the binary inside it: syft, trivy and `cargo audit bin` read the list
RUN cargo install --locked --root /usr/local cargo-auditable@0.7.7
ARG FEATURES=default
ARG PROFILE=dist
# short relocations: 2 MB less; they need glibc 2.36, which the image has
ENV RUSTFLAGS="-C link-arg=-Wl,-z,pack-relative-relocs"
WORKDIR /src
COPY . .
ARG COMMIT=unknown
# dependencies are kept in the mounts; the image has only what is copied to /image: the program and the libraries that it loads
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    SOUK_COMMIT="$COMMIT" cargo auditable build --profile "$PROFILE" --locked --package souk --no-default-features --features "$FEATURES" && \
    install -D "target/$PROFILE/souk" /image/usr/bin/souk && \
    ldd "target/$PROFILE/souk" | grep -o '/[^ ]*' | xargs -I{} cp -L --parents {} /image && \
    install -D -m 644 -t /image/usr/share/doc/souk LICENSE-MIT LICENSE-APACHE && \
    scripts/licences /licences --no-default-features --features "$FEATURES" && \
    tar -C / -czf /image/usr/share/doc/souk/licences.tar.gz licences && \
    cp -L --parents /etc/ssl/certs/ca-certificates.crt /image && \
    echo 'nonroot:x:65532:65532::/srv/souk:/sbin/nologin' >/image/etc/passwd && \
    echo 'nonroot:x:65532:' >/image/etc/group && \
    echo 'hosts: files dns' >/image/etc/nsswitch.conf && \
    install -d -m 700 -o 65532 -g 65532 /image/var/lib/souk && \
    install -D -m 644 -t /image/srv/souk/config config/production.toml

# no shell, no package manager: nothing to log in to
FROM scratch
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="Souk" \
      org.opencontainers.image.description="An e-commerce backend that runs as one process or as many" \
      org.opencontainers.image.licenses="(MIT OR Apache-2.0) AND GPL-3.0-or-later" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /image /
WORKDIR /srv/souk
USER 65532:65532
# the operations listener has the same port in every role, so that `souk health` needs to know nothing about the role; the allocator
# gives memory back at once that it no longer uses (bench/README.md)
ENV MIMALLOC_PURGE_DELAY=0
ENV SOUK_BIND=0.0.0.0 SOUK_OPS_BIND=0.0.0.0:8100 SOUK_DATA=/var/lib/souk SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
VOLUME /var/lib/souk
EXPOSE 8000 8100
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 CMD ["/usr/bin/souk", "health"]
ENTRYPOINT ["/usr/bin/souk"]
CMD ["serve"]
