// Draws a video with its moments. The server is told which moment is chosen; all else happens here.
//
// data: { url, mime, offset, until, start, end, vtt,
//         moments: [{ start, end, label, sure, known }],
//         rows: [{ name, shares: [0..255, one for each cell] }], borders: [cells + 1 times],
//         begin: the moment to play at once, or null }
// Times are seconds of the whole video; the file at `url` shows `offset` to `until` of it.

const ROW = 28, AXIS = 24, MOST_ZOOM = 200;

export default function (component) {
  const root = component.parentElement.querySelector('.player');
  root.player ??= new Player(root);
  root.player.update(component.data, component.setStateValue);
}

const clock = (seconds) => {
  const tenths = Math.round(seconds * 10), whole = Math.floor(tenths / 10);
  const two = (n) => String(n).padStart(2, '0');
  const h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60;
  return `${h ? `${h}:${two(m)}` : m}:${two(whole % 60)}.${tenths % 10}`;
};

class Player {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(name);
    this.video = find('video');
    this.list = find('.moments');
    this.told = find('.told');
    this.scroll = find('.scroll');
    this.canvas = find('canvas');
    this.zoom = 1;
    this.chosen = 0;
    this.wanted = null; // a time that the present file does not show
    find('.previous').onclick = () => this.choose(this.chosen - 1);
    find('.next').onclick = () => this.choose(this.chosen + 1);
    find('.closer').onclick = () => this.zoomTo(this.zoom * 2);
    find('.wider').onclick = () => this.zoomTo(this.zoom / 2);
    find('.whole').onclick = () => this.zoomTo(1);
    root.onkeydown = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = { n: 1, p: -1 }[event.key.toLowerCase()];
      if (step) this.choose(this.chosen + step);
    };
    for (const name of ['timeupdate', 'seeked', 'pause']) this.video.addEventListener(name, () => this.mark());
    this.video.addEventListener('play', () => this.follow());
    this.video.addEventListener('loadedmetadata', () => {
      if (this.wanted !== null) this.play(this.wanted);
    });
    this.scroll.onscroll = () => this.draw();
    this.scroll.addEventListener('wheel', (event) => {
      if (!event.ctrlKey) return; // also what a touchpad sends for two fingers
      event.preventDefault();
      this.zoomTo(this.zoom * (event.deltaY < 0 ? 1.25 : 0.8), this.timeAt(event));
    }, { passive: false });
    this.canvas.onclick = (event) => this.choose(this.momentAt(this.timeAt(event)));
    new ResizeObserver(() => this.draw()).observe(this.scroll);
  }

  update(data, setStateValue) {
    const before = this.data;
    this.data = data;
    this.tell = setStateValue;
    if (before?.url !== data.url) this.load();
    const moments = JSON.stringify(data.moments);
    if (this.drawn !== moments) {
      this.drawn = moments;
      this.chosen = 0;
      this.begun = null;
      this.fill();
    }
    this.root.querySelector('.course').hidden = !data.rows.length;
    if (data.begin !== null && data.begin !== this.begun) {
      this.begun = data.begin;
      this.choose(data.begin, { tell: false });
    }
    this.draw();
    this.mark();
  }

  load() {
    this.video.src = this.data.url;
    this.video.replaceChildren();
    URL.revokeObjectURL(this.subtitles);
    this.subtitles = URL.createObjectURL(new Blob([this.data.vtt], { type: 'text/vtt' }));
    const track = document.createElement('track');
    Object.assign(track, { kind: 'subtitles', label: 'Actions', srclang: 'en', default: true });
    track.src = this.subtitles;
    this.video.append(track);
  }

  fill() {
    this.list.replaceChildren(...this.data.moments.map((moment, number) => {
      const item = document.createElement('li'), row = document.createElement('button');
      row.type = 'button';
      row.onclick = () => this.choose(number);
      const parts = [
        ['time', `${clock(moment.start)} to ${clock(moment.end)}`],
        [moment.known ? 'label' : 'none', moment.label],
        ['sure', moment.sure],
      ];
      for (const [name, text] of parts) {
        const part = document.createElement('span');
        part.className = name;
        part.textContent = text;
        row.append(part);
      }
      item.append(row);
      return item;
    }));
    this.root.querySelector('.names').replaceChildren(...this.data.rows.map((row) => {
      const name = document.createElement('div');
      name.textContent = name.title = row.name;
      return name;
    }));
    const named = this.data.moments.map((m) => `${clock(m.start)} ${m.label}`).join(', ');
    this.canvas.setAttribute('aria-label', `What is seen when: ${named}`);
    this.show();
  }

  choose(number, { tell = true } = {}) {
    const moment = this.data.moments[number];
    if (!moment) return;
    this.chosen = number;
    this.show();
    this.list.children[number].firstChild.scrollIntoView({ block: 'nearest' });
    this.told.textContent = `Moment ${number + 1} of ${this.data.moments.length}: `
      + `${clock(moment.start)} to ${clock(moment.end)}, ${moment.label} ${moment.sure}`;
    this.play(moment.start);
    if (tell) this.tell('chosen', number);
  }

  show() {
    this.rows().forEach((row, k) => {
      if (k === this.chosen) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
    });
    const many = this.data.moments.length;
    this.root.querySelector('.position').textContent = many ? `${this.chosen + 1} of ${many}` : '';
    this.root.querySelector('.previous').disabled = this.chosen <= 0;
    this.root.querySelector('.next').disabled = this.chosen >= many - 1;
  }

  play(time) {
    const there = time >= this.data.offset - 0.001 && time < this.data.until;
    const ready = there && this.video.readyState >= 1;
    this.wanted = ready ? null : time; // the server makes the part that shows it, or it comes
    if (!ready) return;
    this.video.currentTime = Math.max(0, time - this.data.offset);
    this.video.play().catch(() => {}); // the browser may want a click first
  }

  follow() {
    this.mark();
    if (!this.video.paused && this.root.isConnected) requestAnimationFrame(() => this.follow());
  }

  mark() {
    const time = this.video.currentTime + this.data.offset;
    const playing = this.momentAt(time);
    if (playing !== this.playing) {
      this.playing = playing;
      this.rows().forEach((row, k) => row.classList.toggle('playing', k === playing));
    }
    if (time !== this.marked) {
      this.marked = time;
      this.draw();
    }
  }

  rows() {
    return [...this.list.querySelectorAll('button')];
  }

  momentAt(time) {
    // A moment's own start is stored a little less exactly than it is.
    return this.data.moments.findLastIndex((m) => time >= m.start - 0.001);
  }

  timeAt(event) {
    const { left } = this.canvas.getBoundingClientRect();
    return this.first() + (event.clientX - left) / this.scale();
  }

  scale() { // pixels a second
    return this.scroll.clientWidth * this.zoom / Math.max(1e-3, this.data.end - this.data.start);
  }

  first() { // the time at the left edge
    return this.data.start + this.scroll.scrollLeft / this.scale();
  }

  zoomTo(zoom, around = this.video.currentTime + this.data.offset) {
    const x = (around - this.first()) * this.scale();
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
    this.root.querySelector('.width').style.width = `${100 * this.zoom}%`;
    this.scroll.scrollLeft = (around - this.data.start) * this.scale() - x;
    this.draw();
  }

  draw() {
    const { rows, borders } = this.data, width = this.scroll.clientWidth;
    if (!width) return;
    const height = rows.length * ROW + AXIS, ratio = window.devicePixelRatio || 1;
    const style = getComputedStyle(this.root), pen = this.canvas.getContext('2d');
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    pen.scale(ratio, ratio);
    const first = this.first(), scale = this.scale();
    const at = (time) => (time - first) * scale;
    pen.fillStyle = style.getPropertyValue('--st-primary-color') || '#0b66b2';
    rows.forEach((row, k) => row.shares.forEach((share, cell) => {
      const left = Math.round(at(borders[cell])), right = Math.round(at(borders[cell + 1]));
      if (right < 0 || left > width || !share) return;
      pen.globalAlpha = share / 255;
      pen.fillRect(left, k * ROW + 2, Math.max(1, right - left), ROW - 4);
    }));
    pen.globalAlpha = 1;
    pen.fillStyle = pen.strokeStyle = style.color;
    pen.font = `12px ${style.fontFamily}`;
    pen.textBaseline = 'middle';
    const step = STEPS.find((s) => s * scale >= 70) ?? STEPS.at(-1);
    const ticks = Math.ceil(first / step);
    for (let t = ticks * step; at(t) < width; t += step) {
      const x = at(t), text = clock(t).replace(/\.0$/, '');
      pen.fillRect(x, rows.length * ROW, 1, 5);
      const room = pen.measureText(text).width;
      pen.fillText(text, Math.min(Math.max(0, x - room / 2), width - room), rows.length * ROW + 15);
    }
    const x = at(this.video.currentTime + this.data.offset);
    pen.fillRect(x - 1, 0, 2, rows.length * ROW);
  }
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
