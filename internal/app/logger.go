package app

import (
	"context"
	"fmt"
	"io"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"talkbridge/internal/config"
)

// NewLogger makes the bridge's logger. Times are RFC 3339 with the local zone, so that an operator compares them with a clock.
func NewLogger(c config.Log, out io.Writer) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.EncodeTime = "time", zapcore.ISO8601TimeEncoder
	enc.MessageKey, enc.NameKey = "message", "part"
	enc.EncodeDuration = zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	if c.Format == "console" {
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(enc)
	} else {
		encoder = zapcore.NewJSONEncoder(enc)
	}
	return zap.New(plainErrors{zapcore.NewCore(encoder, zapcore.AddSync(out), level)}), nil
}

// adoptRedisLog takes in what the Redis client would print on standard error by itself. It has one logger for the whole process.
func adoptRedisLog(log *zap.Logger) { redis.SetLogger(redisLog{log}) }

type redisLog struct{ log *zap.Logger }

// Printf implements the client's logger. What it says repeats errors that come back to us anyway.
func (l redisLog) Printf(_ context.Context, format string, args ...any) {
	l.log.Debug("redis client", zap.String("says", fmt.Sprintf(format, args...)))
}
