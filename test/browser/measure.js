// Measures the page that it is appended to, and writes TAP into it, for test/report.
const lines = [];
const ok = (pass, name, detail) => lines.push((pass ? 'ok - ' : 'not ok - ') + name + (pass || !detail ? '' : '\n# ' + detail));
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const count = (name, selector) => {
	if (expected[name] !== undefined)
		ok(all(selector).length === expected[name], expected[name] + ' ' + name, 'it has ' + all(selector).length);
};

// Of a CSS color, 0 (black) to 1, as WCAG 2 has it.
const luminance = color => {
	const [r, g, b] = color.match(/[\d.]+/g).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
	const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
	return (x + 0.05) / (y + 0.05);
};
const style = (element, property) => getComputedStyle(element)[property];
const solid = color => color !== 'rgba(0, 0, 0, 0)' && color !== 'transparent';
const background = element => {
	for (; element; element = element.parentElement)
		if (solid(style(element, 'backgroundColor')))
			return style(element, 'backgroundColor');
	return 'rgb(255, 255, 255)';
};

const inside = (inner, outer, margin) => inner.left >= outer.left + margin && inner.right <= outer.right - margin &&
	inner.top >= outer.top && inner.bottom <= outer.bottom;
const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;

count('jobs', 'section.job');
count('boxes', 'g.box');
count('arrows', 'path.arrow');
count('bars', 'g.box g.bar');
count('worst', 'g.bottleneck');
count('checkpoints', 'svg.checkpoints');
count('tasks', 'table.tasks tbody tr');
if (expected.verdict)
	ok(all('p.verdict').some(p => p.textContent.startsWith(expected.verdict)), expected.verdict, all('p.verdict').map(p => p.textContent).join());

const spilled = all('g.box').flatMap(box => all('text', box).filter(text =>
	!inside(text.getBoundingClientRect(), box.querySelector('.frame').getBoundingClientRect(), 4)));
ok(spilled.length === 0, 'each text lies within its box', spilled.map(t => t.textContent).join(' | '));
const frames = all('svg.dataflow').map(svg => all('.frame', svg).map(f => f.getBoundingClientRect()));
ok(frames.every(f => f.every((a, i) => f.slice(0, i).every(b => apart(a, b)))), 'no two boxes overlap');
if (expected.within <= innerWidth)
	ok(all('.frame').every(f => f.getBoundingClientRect().right <= innerWidth), 'all boxes are on the screen');
const rows = all('g.box').map(box => all('text, g.bar', box).map(e => e.getBoundingClientRect()));
ok(rows.every(r => r.every((a, i) => r.slice(0, i).every(b => apart(a, b) || Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) < 4))),
	'nor two lines of a box');
const bars = all('g.bar').filter(bar => {
	const whole = bar.querySelector('.idle').getBoundingClientRect();
	return all('rect', bar).some(r => r.getBoundingClientRect().right > whole.right + 0.5);
});
ok(bars.length === 0, 'no bar is longer than a second');
const pale = all('p, h1, h2, h3, th, td, a, span.status, figcaption, li, summary, footer, pre')
	.filter(e => e.textContent.trim() !== '' && contrast(style(e, 'color'), background(e)) < 4.5);
ok(pale.length === 0, 'what is written can be read', pale.map(e => e.tagName + ' ' + e.textContent.slice(0, 30)).join(' | '));
const dim = all('svg.dataflow text').filter(e => contrast(style(e, 'fill'), style(e.closest('.box').querySelector('.frame'), 'fill')) < 4.5);
ok(dim.length === 0, 'in boxes, too', dim.map(e => e.textContent).join(' | '));
ok(document.scrollingElement.scrollWidth <= innerWidth, 'the page is no wider than the screen',
	document.scrollingElement.scrollWidth + ' > ' + innerWidth);
ok(performance.getEntriesByType('resource').length === 0, 'it asks for nothing else');
const night = matchMedia('(prefers-color-scheme: dark)').matches;
ok((luminance(background(document.body)) < 0.2) === night, night ? 'dark by night' : 'light by day');

const measured = document.createElement('pre');
measured.id = 'measured';
measured.textContent = lines.join('\n') + '\n';
document.body.append(measured);
