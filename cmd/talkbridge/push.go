package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"talkbridge/internal/app"
)

func pushCommand(s *settings) *cobra.Command {
	var a app.PushArgs
	cmd := &cobra.Command{
		Use:   "push --route R --key K",
		Short: "Send one row now, and say what became of it",
		Long: "Send one row now, as if it had been submitted this moment: it is read, queued, mapped, sent and settled like any other, beside\n" +
			"bridges that run or without one. A record that was delivered is sent again and overwrites what the platform has. A row that is\n" +
			"not submitted as it stands is not sent. Exit code 0 if it was delivered.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.Route == "" || a.Key == "" {
				return usageError{errors.New("push needs --route and --key")}
			}
			answer, err := operate[app.PushAnswer](cmd, s, "push", a)
			if err != nil {
				return err
			}
			if s.json {
				err = printJSON(cmd.OutOrStdout(), answer)
			} else {
				err = printPush(cmd.OutOrStdout(), answer)
			}
			if err == nil && answer.Outcome != app.PushDelivered {
				return errSaid
			}
			return err
		},
	}
	cmd.Flags().StringVar(&a.Route, "route", "", "the `ROUTE` of the row")
	cmd.Flags().StringVar(&a.Key, "key", "", "the row's primary `KEY`; several columns joined by commas")
	return cmd
}

func printPush(out io.Writer, a app.PushAnswer) error {
	if a.Another {
		fmt.Fprintf(out, "%s 已有更新的提交，或正在运行的网桥抢先上报，结果如下\n", a.ID)
	}
	code := ""
	if a.Code != "" {
		code = " [" + a.Code + "]"
	}
	switch a.Outcome {
	case app.PushDelivered:
		fmt.Fprintf(out, "%s 已上报%s %s\n", a.ID, code, a.Message)
	case app.PushNotSubmitted:
		fmt.Fprintf(out, "%s 没有上报：%s\n", a.ID, a.Why)
	case app.PushRejected:
		fmt.Fprintf(out, "%s 被拒绝%s %s\n", a.ID, code, a.Message)
	case app.PushWaits:
		fmt.Fprintf(out, "%s 暂时没有成功%s %s；记录在等待，运行中的网桥会自动重试\n", a.ID, code, a.Message)
	}
	for _, p := range a.Problems {
		if _, err := fmt.Fprintf(out, "  - %s\n", problemLine(p)); err != nil {
			return err
		}
	}
	return nil
}
