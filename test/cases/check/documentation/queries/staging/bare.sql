select did
from events
