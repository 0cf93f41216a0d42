package platformsim

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// A contract is the JSON Schema of one endpoint.
type contract struct{ schema *jsonschema.Schema }

func loadContract(files fs.FS, name string) (*contract, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read contract: %w", err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read contract %s: %w", name, err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, document); err != nil {
		return nil, fmt.Errorf("read contract %s: %w", name, err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compile contract %s: %w", name, err)
	}
	return &contract{schema: schema}, nil
}

// violation is the first thing wrong with a payload, as the platform would put it; empty where nothing is.
func (c *contract) violation(payload any) string {
	var invalid *jsonschema.ValidationError
	err := c.schema.Validate(payload)
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &invalid):
		return "报文校验失败"
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	return sentence(strings.Join(invalid.InstanceLocation, "."), invalid.ErrorKind)
}

func sentence(field string, k jsonschema.ErrorKind) string {
	if field == "" {
		field = "报文"
	}
	switch v := k.(type) {
	case *kind.Required:
		return "缺少必填字段：" + strings.Join(v.Missing, "、")
	case *kind.AdditionalProperties:
		return "未知字段：" + strings.Join(v.Properties, "、")
	case *kind.MaxLength:
		return field + "长度不能超过" + strconv.Itoa(v.Want)
	case *kind.MinLength:
		return field + "不能为空"
	case *kind.Type:
		return field + "类型错误，应为" + strings.Join(v.Want, "或")
	case *kind.Enum, *kind.Const:
		return field + "取值不在代码表内"
	case *kind.Pattern, *kind.Format:
		return field + "格式错误"
	case *kind.Minimum, *kind.Maximum:
		return field + "超出取值范围"
	case *kind.MinItems, *kind.MaxItems:
		return field + "数量超出范围"
	default:
		return field + "校验失败"
	}
}
