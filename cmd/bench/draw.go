package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The picture: how far each figure is from its target, on one scale for all. A bar that stays left of the line is a promise that is
// kept: it is as long as the ratio is of its bound, or, where the bound is a floor, as the bound is of the ratio. The scale is
// logarithmic: half and twice are equally far from the line.

const (
	pictureWidth = 1000
	labelWidth   = 560
	rowHeight    = 22
	topMargin    = 58
	farthest     = 16.0 // times the bound, either way
)

// strain is how much of its bound a figure uses: 1 is just met, 2 misses it by as much again.
func (r result) strain() float64 {
	switch {
	case r.Target.most:
		return r.Ratio / r.Target.bound
	case r.Ratio == 0:
		return farthest
	default:
		return r.Target.bound / r.Ratio
	}
}

// draw makes an SVG of the results that have a target.
func draw(results []result) []byte {
	var rows []result
	for _, r := range results {
		if r.Target.bound != 0 {
			rows = append(rows, r)
		}
	}
	height := topMargin + len(rows)*rowHeight + 16
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", pictureWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", pictureWidth, height)
	fmt.Fprintf(&b, `<text x="12" y="22" font-size="15" font-weight="bold">How much of its bound each figure uses</text>`+"\n")
	for _, mark := range []float64{1. / 16, 1. / 4, 1, 4, 16} {
		x := across(mark)
		colour, label := "#ddd", fmt.Sprintf("%g×", mark)
		switch {
		case mark == 1:
			colour, label = "#333", "the target"
		case mark < 1:
			label = fmt.Sprintf("1/%g", 1/mark)
		}
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/><text x="%.1f" y="%d" text-anchor="middle" fill="#555">%s</text>`+"\n",
			x, topMargin-6, x, height-10, colour, x, topMargin-12, label)
	}
	for i, r := range rows {
		row(&b, topMargin+i*rowHeight, r)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func row(b *strings.Builder, y int, r result) {
	strain, colour := r.strain(), "#2a7f62"
	if !r.Target.met(r.Ratio) {
		colour = "#c0392b"
	}
	left, right := across(1/farthest), across(strain)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labelWidth-10, y+14, html.EscapeString(r.Name))
	fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`, left, y+3, max(right-left, 1), rowHeight-8, colour)
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="#333">%s %s</text>`+"\n", right+5, y+14, number(r.Value), html.EscapeString(r.Unit))
}

// across is where a strain lies.
func across(strain float64) float64 {
	const room = pictureWidth - labelWidth - 120
	strain = min(max(strain, 1/farthest), farthest)
	return labelWidth + room*(math.Log(strain)/math.Log(farthest)+1)/2
}
