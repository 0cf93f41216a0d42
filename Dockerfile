# Static binary, no shell, no root. Not built in our own CI, which has no images to pull: see README, "What was not tried".
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/talkbridge ./cmd/platformsim

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/talkbridge /out/platformsim /usr/local/bin/
COPY configs /etc/talkbridge
WORKDIR /var/lib/talkbridge
USER nonroot
ENTRYPOINT ["/usr/local/bin/talkbridge"]
CMD ["run", "-c", "/etc/talkbridge/talkbridge.yaml"]
