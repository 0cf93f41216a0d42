// Before anything is drawn: the theme that was chosen, if one was.
(() => {
  const chosen = localStorage.getItem('talkbridge-theme');
  if (chosen) document.documentElement.dataset.theme = chosen;
})();
