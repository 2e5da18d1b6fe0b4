select
  did
from
  events
