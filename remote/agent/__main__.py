import sys

from switchyard_agent.program import main

main(sys.argv[1:])
