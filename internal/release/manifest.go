package release

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
)

//go:embed files/install.sh
var installText []byte

//go:embed files/talkbridge-admin
var adminText []byte

// manifest is the list of what is handed over, with versions and sums. What a person has to fill in is marked.
func manifest(o Options, bundles []Bundle) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# 交付清单\n\n软件：talkbridge %s\n\n提交时间：%s(UTC)。同一次提交在任何机器上得到同样的校验和。\n\n## 一、软件介质\n\n", o.Version, o.Time.UTC().Format("2006-01-02 15:04:05"))
	out.WriteString("| 文件 | 架构 | 字节 | SHA-256 | SM3 |\n|---|---|---:|---|---|\n")
	for _, b := range bundles {
		fmt.Fprintf(&out, "| %s | %s | %d | `%s` | `%s` |\n", b.Name, b.Arch, b.Sums.Bytes, b.Sums.SHA256, b.Sums.SM3)
	}
	if len(bundles) > 0 {
		writeContents(&out, bundles[0])
	}
	out.WriteString(handedOver)
	return out.Bytes()
}

func writeContents(out *bytes.Buffer, b Bundle) {
	fmt.Fprintf(out, "\n## 二、离线包内容（以 %s 为例）\n\n各架构的离线包只有 bin/ 下的程序不同。第三方许可证在 licenses/，逐项列于其中的 README.md。\n\n", b.Arch)
	out.WriteString("| 文件 | 字节 | SHA-256 | SM3 |\n|---|---:|---|---|\n")
	licences := 0
	for _, f := range b.Files {
		if strings.HasPrefix(f.Name, "licenses/") && f.Name != "licenses/README.md" {
			licences++
			continue
		}
		fmt.Fprintf(out, "| %s | %d | `%s` | `%s` |\n", f.Name, f.Bytes, f.SHA256, f.SM3)
	}
	fmt.Fprintf(out, "\n另有许可证文件 %d 个。\n", licences)
}

// handedOver is what people hand over and sign.
const handedOver = `
## 三、文档

随离线包 docs/zh/ 交付：部署手册、运维手册、备份恢复方案、验收测试方案、培训材料（管理员、辅导员一页纸）、安全与合规自查表、
接口假设与待确认问题清单、需求跟踪表、验收报告示例。

## 四、源代码与构建说明

| 项目 | 说明 |
|---|---|
| 源代码 | 合同要求时交付：提交号（由承建单位填写）________ |
| 构建 | Go 1.26 或更高版本，执行 make release；结果应与上表校验和一致 |

## 五、配置与账号移交

| 项目 | 保管方式 | 移交人 | 接收人 | 日期 |
|---|---|---|---|---|
| 源库账号口令 | 密封 | (填写) | (填写) | (填写) |
| 平台 client_id、client_secret | 密封 | (填写) | (填写) | (填写) |
| state.key(双人签收) | 密封，与备份分开存放 | (填写) | (填写) | (填写) |
| 管理页面用户 | 首次登录即改口令 | (填写) | (填写) | (填写) |

## 六、培训与服务

| 项目 | 日期 | 参加人（签字） |
|---|---|---|
| 管理员培训 | (填写) | |
| 辅导员培训 | (填写) | |

质保期自验收合格报告之日起计算，内容以合同为准。

移交人（签字）：____________  日期：____________

接收人（签字）：____________  日期：____________
`
